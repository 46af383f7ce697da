import { writeToStream } from "mqtt-packet";

/**
 * Lets MQTT's numbers be written as they come. Otherwise the first packet has mqtt-packet make a Buffer for each number of
 * 16 bits beforehand: 8.5 MB that stay, and a pause in the middle of the start.
 */
export function writeNumbersAsTheyCome(): void {
  writeToStream.cacheNumbers = false;
}
