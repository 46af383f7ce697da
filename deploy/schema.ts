// Writes config/schema.json (for editors) and config/default.yaml out of the schema of the configuration, and
// deploy/mosquitto/ as `rivulet broker-setup` would for everybody on one machine.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { mosquittoRules, plainMosquittoConf } from "../src/cli/mosquitto-files.ts";
import { configSchemaJson, configYaml } from "../src/daemon/config-docs.ts";

const folder = fileURLToPath(new URL("../config", import.meta.url));
writeFileSync(join(folder, "schema.json"), configSchemaJson());
writeFileSync(join(folder, "default.yaml"), configYaml());

const mosquitto = fileURLToPath(new URL("mosquitto", import.meta.url));
writeFileSync(join(mosquitto, "rivulet.conf"), plainMosquittoConf());
writeFileSync(join(mosquitto, "rivulet.acl"), mosquittoRules("rivulet", "homeassistant"));
