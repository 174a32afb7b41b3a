-- What a help desk holds. `moved_by` names the batch that moved a row last, as long as nothing else
-- has been done to it: the triggers below forget it, and so does whoever gives a row to somebody
-- else (`SET assignee = ?, moved_by = 16777216`).
CREATE TABLE IF NOT EXISTS batches (
    id       INTEGER PRIMARY KEY,
    handover TEXT NOT NULL,
    number   INTEGER NOT NULL,
    -- What was answered, and is answered again: JSON, one row for a batch of any size.
    answer   TEXT NOT NULL,
    UNIQUE (handover, number)
);
-- The batch that is none, which whatever no batch moved is marked with. Its number is as wide as those
-- of all that follow, so that a row does not grow when it is moved.
INSERT OR IGNORE INTO batches (id, handover, number, answer) VALUES (16777216, '', -1, '');

CREATE TABLE IF NOT EXISTS tickets (
    id           INTEGER PRIMARY KEY,
    organization TEXT NOT NULL,
    workspace    TEXT,
    inbox        TEXT,
    subject      TEXT NOT NULL,
    status       TEXT NOT NULL CHECK (status IN ('open', 'closed')),
    changed_at   INTEGER NOT NULL DEFAULT 0,
    -- Who took it in: that stays, whoever has it.
    author       TEXT,
    assignee     TEXT,
    -- Why it may not change hands, if it may not: a legal hold.
    held_back    TEXT,
    moved_by     INTEGER NOT NULL DEFAULT 16777216
);
-- By holder and place in the order of ids, with the state: a survey, the loads and the next items of a
-- batch look at no row.
CREATE INDEX IF NOT EXISTS tickets_held
    ON tickets (organization, assignee, inbox, id, status);
CREATE INDEX IF NOT EXISTS tickets_held_back ON tickets (organization, id)
    WHERE held_back IS NOT NULL;

CREATE TABLE IF NOT EXISTS replies (
    id              INTEGER PRIMARY KEY,
    organization    TEXT NOT NULL,
    workspace       TEXT,
    ticket          INTEGER,
    body            TEXT NOT NULL,
    -- Who is credited; who wrote it stays.
    author          TEXT,
    original_author TEXT,
    moved_by        INTEGER NOT NULL DEFAULT 16777216
);
CREATE INDEX IF NOT EXISTS replies_by ON replies (organization, author, id);

CREATE TABLE IF NOT EXISTS macros (
    id           INTEGER PRIMARY KEY,
    organization TEXT NOT NULL,
    workspace    TEXT,
    title        TEXT NOT NULL,
    maker        TEXT,
    moved_by     INTEGER NOT NULL DEFAULT 16777216
);
CREATE INDEX IF NOT EXISTS macros_by ON macros (organization, maker, id);

CREATE TABLE IF NOT EXISTS views (
    id           INTEGER PRIMARY KEY,
    organization TEXT NOT NULL,
    workspace    TEXT,
    title        TEXT NOT NULL,
    maker        TEXT,
    moved_by     INTEGER NOT NULL DEFAULT 16777216
);
CREATE INDEX IF NOT EXISTS views_by ON views (organization, maker, id);

CREATE TABLE IF NOT EXISTS automations (
    id           INTEGER PRIMARY KEY,
    organization TEXT NOT NULL,
    workspace    TEXT,
    title        TEXT NOT NULL,
    runs_as      TEXT,
    moved_by     INTEGER NOT NULL DEFAULT 16777216
);
CREATE INDEX IF NOT EXISTS automations_as ON automations (organization, runs_as, id);

-- Something is done to a row: its text, its status, its place. Moving a batch does not come by here.
CREATE TRIGGER IF NOT EXISTS tickets_changed AFTER UPDATE OF inbox, subject, status ON tickets
    WHEN old.moved_by <> 16777216
    BEGIN UPDATE tickets SET moved_by = 16777216 WHERE id = new.id; END;
CREATE TRIGGER IF NOT EXISTS tickets_answered AFTER INSERT ON replies
    BEGIN UPDATE tickets SET moved_by = 16777216 WHERE id = new.ticket AND moved_by <> 16777216; END;
CREATE TRIGGER IF NOT EXISTS replies_changed AFTER UPDATE OF body ON replies
    WHEN old.moved_by <> 16777216
    BEGIN UPDATE replies SET moved_by = 16777216 WHERE id = new.id; END;
CREATE TRIGGER IF NOT EXISTS macros_changed AFTER UPDATE OF title ON macros
    WHEN old.moved_by <> 16777216
    BEGIN UPDATE macros SET moved_by = 16777216 WHERE id = new.id; END;
CREATE TRIGGER IF NOT EXISTS views_changed AFTER UPDATE OF title ON views
    WHEN old.moved_by <> 16777216
    BEGIN UPDATE views SET moved_by = 16777216 WHERE id = new.id; END;
CREATE TRIGGER IF NOT EXISTS automations_changed AFTER UPDATE OF title ON automations
    WHEN old.moved_by <> 16777216
    BEGIN UPDATE automations SET moved_by = 16777216 WHERE id = new.id; END;
