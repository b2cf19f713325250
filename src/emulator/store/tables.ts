import type { Database } from "bun:sqlite"

/** Points are most of the data. A row is two small integers, the time and the value, clustered by the key that history reads use. */
const tables = `
CREATE TABLE IF NOT EXISTS entities (
  n INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  type TEXT NOT NULL,
  tenantId TEXT NOT NULL,
  customerId TEXT,
  name TEXT NOT NULL,
  kind TEXT NOT NULL,
  label TEXT,
  profileId TEXT,
  createdTime INTEGER NOT NULL,
  version INTEGER NOT NULL,
  additionalInfo TEXT,
  details TEXT
);
CREATE INDEX IF NOT EXISTS entitiesByTenant ON entities (tenantId, type, name);
CREATE TABLE IF NOT EXISTS users (
  id TEXT PRIMARY KEY,
  authority TEXT NOT NULL,
  enabled INTEGER NOT NULL,
  password BLOB,
  failedLogins INTEGER NOT NULL,
  tokensRevokedAt INTEGER NOT NULL,
  loginChallenge TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS apiKeys (
  id TEXT PRIMARY KEY,
  createdTime INTEGER NOT NULL,
  userId TEXT NOT NULL,
  value TEXT NOT NULL UNIQUE,
  description TEXT NOT NULL,
  enabled INTEGER NOT NULL,
  expirationTime INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS credentials (
  deviceId TEXT PRIMARY KEY,
  id TEXT NOT NULL,
  createdTime INTEGER NOT NULL,
  token TEXT NOT NULL UNIQUE
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS relations (
  fromId TEXT NOT NULL,
  fromType TEXT NOT NULL,
  type TEXT NOT NULL,
  typeGroup TEXT NOT NULL,
  toId TEXT NOT NULL,
  toType TEXT NOT NULL,
  version INTEGER NOT NULL,
  additionalInfo TEXT,
  PRIMARY KEY (fromId, typeGroup, type, toId)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS relationsTo ON relations (toId, typeGroup);
CREATE TABLE IF NOT EXISTS keys (n INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS points (
  entity INTEGER NOT NULL,
  key INTEGER NOT NULL,
  ts INTEGER NOT NULL,
  value NOT NULL,
  PRIMARY KEY (entity, key, ts)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS latest (
  entity INTEGER NOT NULL,
  key INTEGER NOT NULL,
  ts INTEGER NOT NULL,
  value NOT NULL,
  PRIMARY KEY (entity, key)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS attributes (
  entity INTEGER NOT NULL,
  scope TEXT NOT NULL,
  key TEXT NOT NULL,
  ts INTEGER NOT NULL,
  value NOT NULL,
  PRIMARY KEY (entity, scope, key)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS alarms (
  id TEXT PRIMARY KEY,
  tenantId TEXT NOT NULL,
  originatorId TEXT NOT NULL,
  originatorType TEXT NOT NULL,
  createdTime INTEGER NOT NULL,
  type TEXT NOT NULL,
  severity TEXT NOT NULL,
  acknowledged INTEGER NOT NULL,
  cleared INTEGER NOT NULL,
  startTs INTEGER NOT NULL,
  endTs INTEGER NOT NULL,
  ackTs INTEGER NOT NULL,
  clearTs INTEGER NOT NULL,
  details TEXT
) WITHOUT ROWID;
`

export const createTables = (db: Database) => {
  db.run("PRAGMA journal_mode = WAL")
  db.run("PRAGMA synchronous = OFF") // a crash can lose test data only
  db.run("PRAGMA case_sensitive_like = OFF")
  db.run(tables)
  // A file of an earlier version lacks the column.
  if (db.query("SELECT 1 FROM pragma_table_info('entities') WHERE name = 'details'").get() === null)
    db.run("ALTER TABLE entities ADD COLUMN details TEXT")
}
