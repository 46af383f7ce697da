// Runs statements on a database, one a line from standard input, and answers each with `ok` or SQLite's code.

import { writeSync } from "node:fs";
import { createInterface } from "node:readline";
import Database from "better-sqlite3";

const [path] = process.argv.slice(2);
let db: Database.Database | null = null;

for await (const line of createInterface({ input: process.stdin })) writeSync(1, `${answer(line)}\n`);

function answer(sql: string): string {
  try {
    db ??= new Database(path);
    const statement = db.prepare(sql);
    if (statement.reader) return JSON.stringify(statement.all());
    statement.run();
    return "ok";
  } catch (error) {
    if (error instanceof Database.SqliteError) return error.code;
    throw error;
  }
}
