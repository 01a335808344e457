-- A journal of format 1, as the program before format 2 wrote it: dumped by SQLite, version and all.
BEGIN TRANSACTION;
CREATE TABLE body (
  id INTEGER PRIMARY KEY,
  bytes BLOB NOT NULL
);
INSERT INTO "body" VALUES(1,X'4D53487C5E7E5C267C4C41427C4E4F5254484649454C447C47507C5930363630317C32303236303130357C7C4F52555E5230317C317C507C322E340D4E54457C317C7C0D');
INSERT INTO "body" VALUES(2,X'4D53487C5E7E5C267C4C41427C4E4F5254484649454C447C47507C5930363630317C32303236303130357C7C4F52555E5230317C327C507C322E340D4E54457C317C7C0D');
INSERT INTO "body" VALUES(3,X'4D53487C5E7E5C267C4C41427C4E4F5254484649454C447C47507C5930363630317C32303236303130357C7C4F52555E5230317C337C507C322E340D4E54457C317C7C0D');
INSERT INTO "body" VALUES(4,X'4D53487C5E7E5C267C4C41427C4E4F5254484649454C447C47507C5930363630317C32303236303130357C7C4F52555E5230317C347C507C322E340D4E54457C317C7C0D');
INSERT INTO "body" VALUES(5,X'4D53487C5E7E5C267C4C41427C4E4F5254484649454C447C47507C5930363630317C32303236303130357C7C4F52555E5230317C317C507C322E340D4E54457C317C7C6368616E6765640D');
CREATE TABLE config (
  id INTEGER PRIMARY KEY,
  hash TEXT NOT NULL UNIQUE
);
INSERT INTO "config" VALUES(1,'c0ffee');
INSERT INTO "config" VALUES(2,'decade');
CREATE TABLE delivery (
  id INTEGER PRIMARY KEY,
  message INTEGER NOT NULL,
  route TEXT NOT NULL,
  channel TEXT NOT NULL,
  address TEXT NOT NULL,
  state TEXT NOT NULL,
  attempts INTEGER NOT NULL,
  next_try INTEGER NOT NULL,
  created INTEGER NOT NULL,
  closed INTEGER,               -- when it left the open states; NULL while it is open
  body INTEGER,                 -- body.id, or NULL: the bytes as they came in
  control_id BLOB NOT NULL,
  merged INTEGER NOT NULL,
  parent INTEGER NOT NULL,
  config INTEGER NOT NULL,
  in_doubt INTEGER NOT NULL,
  reason TEXT NOT NULL
);
INSERT INTO "delivery" VALUES(1,1,'gp_results','gp_mllp','Y06601','delivered',1,0,1767600000000000,1767600000000020,NULL,X'31',0,0,1,0,'');
INSERT INTO "delivery" VALUES(2,1,'gp_results','archive','','sending',1,0,1767600000000000,NULL,5,X'31',0,0,1,0,'');
CREATE TABLE event (
  message INTEGER NOT NULL,
  id INTEGER NOT NULL,
  delivery INTEGER NOT NULL,    -- 0: of the message itself
  kind TEXT NOT NULL,
  at INTEGER NOT NULL,
  config INTEGER,
  detail TEXT NOT NULL,
  PRIMARY KEY (message, id)
) WITHOUT ROWID;
INSERT INTO "event" VALUES(1,1,0,'accepted',1767600000000000,NULL,'');
INSERT INTO "event" VALUES(1,6,0,'decided',1767600000000000,1,'');
INSERT INTO "event" VALUES(1,7,1,'made',1767600000000000,1,'');
INSERT INTO "event" VALUES(1,8,2,'made',1767600000000000,1,'');
INSERT INTO "event" VALUES(1,12,1,'delivered',1767600000000020,NULL,'');
INSERT INTO "event" VALUES(1,13,2,'sending',1767600000000021,NULL,'');
INSERT INTO "event" VALUES(2,2,0,'accepted',1767600000000000,NULL,'');
INSERT INTO "event" VALUES(2,9,0,'decided',1767600000000005,1,'');
INSERT INTO "event" VALUES(2,10,0,'held',1767600000000005,NULL,'no_practice');
INSERT INTO "event" VALUES(3,3,0,'accepted',1767600000000000,NULL,'');
INSERT INTO "event" VALUES(3,11,0,'held',1767600000000009,2,'');
INSERT INTO "event" VALUES(4,4,0,'duplicate',1767600000000000,NULL,'');
INSERT INTO "event" VALUES(5,5,0,'accepted',1767600000000000,NULL,'');
CREATE TABLE finding (
  message INTEGER NOT NULL,
  number INTEGER NOT NULL,
  words TEXT NOT NULL,
  PRIMARY KEY (message, number)
) WITHOUT ROWID;
INSERT INTO "finding" VALUES(2,0,'routes/gp_results.yaml:24: A test code is not in the national list');
CREATE TABLE held (
  id INTEGER PRIMARY KEY,
  message INTEGER NOT NULL,
  route TEXT NOT NULL,
  tray TEXT NOT NULL,
  reason TEXT NOT NULL,
  place TEXT NOT NULL,
  entry INTEGER NOT NULL,
  at INTEGER NOT NULL,
  state TEXT NOT NULL DEFAULT 'held'
);
INSERT INTO "held" VALUES(1,2,'gp_results','no_practice','no such practice','routes/gp_results.yaml:12',1,1767600000000005,'held');
INSERT INTO "held" VALUES(2,3,'','doubtful_date','PID-7 is not written as a date','dialects/northfield.yaml:7',0,1767600000000009,'held');
CREATE TABLE key (
  kind TEXT NOT NULL,
  value TEXT NOT NULL,
  message INTEGER NOT NULL,
  PRIMARY KEY (kind, value, message)
) WITHOUT ROWID;
INSERT INTO "key" VALUES('nhs_number','9990000018',2);
CREATE TABLE message (
  id INTEGER PRIMARY KEY,       -- the order of acceptance
  feed TEXT NOT NULL,
  received INTEGER NOT NULL,    -- microseconds since 1970, UTC, like every time here
  type TEXT NOT NULL,
  version TEXT NOT NULL,
  peer TEXT NOT NULL,
  control_id TEXT NOT NULL,
  sender BLOB NOT NULL,         -- MSH-3, MSH-4, MSH-10
  fingerprint INTEGER,          -- of control id, feed and sender, and content: see arrivals.py
  sha256 BLOB NOT NULL,
  size INTEGER NOT NULL,
  body INTEGER NOT NULL,        -- body.id; a duplicate names its original's
  envelope BLOB,
  kind TEXT NOT NULL,           -- new, conflict, duplicate, refused
  original INTEGER NOT NULL,    -- the message that a duplicate or conflict repeats, or 0
  refused TEXT,
  state TEXT NOT NULL,          -- waiting, decided, held, duplicate, refused
  verdict TEXT,                 -- ok, error, reject, or NULL while it is not known
  words TEXT,
  rejected INTEGER NOT NULL DEFAULT 0,
  config INTEGER,
  decided INTEGER,
  keys TEXT                     -- its search keys again, as JSON, to be shown with it
);
INSERT INTO "message" VALUES(1,'northfield_lims',1767600000000000,'ORU^R01','2.4','10.1.2.3:40000','1',X'4C41420D4E4F5254484649454C440D31',2213414930811760500,X'4AF746AD77745B7CF840C7BEA7C668EF06D2075BEB419E8416B5BEEDC55F2FA8',68,1,NULL,'new',0,NULL,'decided','ok','',0,1,1767600000000000,NULL);
INSERT INTO "message" VALUES(2,'northfield_lims',1767600000000000,'ORU^R01','2.4','10.1.2.3:40000','2',X'4C41420D4E4F5254484649454C440D32',7226657586709328757,X'0F37503963EAF46923F91B1F9FA4D34E4422FC187C516D2576961E0ACF6B7842',68,2,NULL,'new',0,NULL,'decided','ok','',0,1,1767600000000005,'[["nhs_number", "9990000018"]]');
INSERT INTO "message" VALUES(3,'northfield_lims',1767600000000000,'ORU^R01','2.4','10.1.2.3:40000','3',X'4C41420D4E4F5254484649454C440D33',-1504626218194009761,X'E815F3C24D0F70AE2765350F750DA191E10A56271743A4FC4EF0E432F33966DB',68,3,NULL,'new',0,NULL,'held','ok','',0,2,1767600000000009,NULL);
INSERT INTO "message" VALUES(4,'northfield_lims',1767600000000000,'ORU^R01','2.4','10.1.2.3:40000','1',X'4C41420D4E4F5254484649454C440D31',2213414930811760500,X'4AF746AD77745B7CF840C7BEA7C668EF06D2075BEB419E8416B5BEEDC55F2FA8',68,1,NULL,'duplicate',1,NULL,'duplicate',NULL,NULL,0,NULL,NULL,NULL);
INSERT INTO "message" VALUES(5,'northfield_lims',1767600000000000,'ORU^R01','2.4','10.1.2.3:40000','4',X'4C41420D4E4F5254484649454C440D34',6214852202087059828,X'411746EDEF71E42478C75EEFF2089934E877A26D8953C49B416FF88CFD36DDCE',68,4,NULL,'new',0,NULL,'waiting','ok','',0,NULL,NULL,NULL);
CREATE TABLE part (
  message INTEGER NOT NULL,
  number INTEGER NOT NULL,
  route TEXT NOT NULL,
  outcome TEXT NOT NULL,
  detail TEXT NOT NULL,
  PRIMARY KEY (message, number)
) WITHOUT ROWID;
INSERT INTO "part" VALUES(1,0,'gp_results','sent','');
INSERT INTO "part" VALUES(2,0,'gp_results','held','no_practice');
CREATE TABLE tally (
  scope TEXT NOT NULL,
  name TEXT NOT NULL,
  state TEXT NOT NULL,
  count INTEGER NOT NULL,
  PRIMARY KEY (scope, name, state)
) WITHOUT ROWID;
INSERT INTO "tally" VALUES('channel','archive','made',1);
INSERT INTO "tally" VALUES('channel','archive','sending',1);
INSERT INTO "tally" VALUES('channel','archive','waiting',0);
INSERT INTO "tally" VALUES('channel','gp_mllp','delivered',1);
INSERT INTO "tally" VALUES('channel','gp_mllp','made',1);
INSERT INTO "tally" VALUES('channel','gp_mllp','waiting',0);
INSERT INTO "tally" VALUES('feed','northfield_lims','accepted',5);
INSERT INTO "tally" VALUES('feed','northfield_lims','decided',2);
INSERT INTO "tally" VALUES('feed','northfield_lims','duplicate',1);
INSERT INTO "tally" VALUES('feed','northfield_lims','held',1);
INSERT INTO "tally" VALUES('feed','northfield_lims','waiting',1);
INSERT INTO "tally" VALUES('journal','events','appended',13);
INSERT INTO "tally" VALUES('route','gp_results','entered',2);
INSERT INTO "tally" VALUES('route','gp_results','held',1);
INSERT INTO "tally" VALUES('route','gp_results','sent',1);
INSERT INTO "tally" VALUES('tray','doubtful_date','held',1);
INSERT INTO "tally" VALUES('tray','no_practice','held',1);
CREATE INDEX message_fingerprint ON message (fingerprint) WHERE fingerprint IS NOT NULL;
CREATE INDEX message_state ON message (state) WHERE state <> 'decided';
CREATE INDEX message_type ON message (type);
CREATE INDEX message_received ON message (received);
CREATE INDEX held_message ON held (message);
CREATE INDEX held_tray ON held (tray) WHERE state = 'held';
CREATE INDEX delivery_message ON delivery (message);
CREATE INDEX delivery_open ON delivery (channel, address) WHERE closed IS NULL;
CREATE INDEX delivery_address ON delivery (address) WHERE address <> '';
CREATE INDEX delivery_stuck ON delivery (state) WHERE state IN
  ('parked', 'refused_by_recipient', 'withdrawn', 'discarded');
COMMIT;
PRAGMA user_version=1;
