// Writes config/schema.json (for editors) and config/default.yaml out of the schema of the configuration.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { configSchemaJson, configYaml } from "../src/daemon/config-docs.ts";

const folder = fileURLToPath(new URL("../config", import.meta.url));
writeFileSync(join(folder, "schema.json"), configSchemaJson());
writeFileSync(join(folder, "default.yaml"), configYaml());
