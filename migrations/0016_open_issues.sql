-- Disputes that the hub opens itself, and the register of open issues per province.

-- 法〔2024〕32号 二(三)2 with 二(三)3: a receipt that was entered late stands before what is registered already. Nothing is reordered;
-- what the courts must settle is on record once, with its evidence.
ALTER TABLE dispute
    ADD COLUMN cause text NOT NULL DEFAULT 'person' CHECK (cause IN ('person', 'late_receipt')),
    ADD COLUMN late_request_id uuid REFERENCES request,
    ADD CHECK ((cause = 'late_receipt') = (late_request_id IS NOT NULL));
CREATE UNIQUE INDEX dispute_late_receipt ON dispute (late_request_id) WHERE late_request_id IS NOT NULL;

ALTER TABLE matter DROP CONSTRAINT matter_kind_check, ADD CHECK (kind IN ('dispute', 'consultation', 'issue'));
ALTER TABLE matter_entry DROP CONSTRAINT matter_entry_kind_check,
    ADD CHECK (kind IN ('opened', 'note', 'document', 'assigned', 'order_decided', 'closed'));

-- 及时梳理汇总上报 (法〔2024〕32号 三(一)): what is open in a province, who sees to it, and until when. The log is that of its matter; the
-- answer is the text that closes it.
CREATE TABLE issue (
    issue_id   uuid PRIMARY KEY REFERENCES matter,
    cause      text NOT NULL CHECK (cause IN ('person', 'parked', 'order_anomaly', 'order_conflict', 'contradiction', 'register_flag',
                                              'returned_again')),
    province   text NOT NULL REFERENCES province,
    request_id uuid REFERENCES request,
    subject    text NOT NULL,
    owner      text,
    due_on     date,
    CHECK (cause = 'person' OR request_id IS NOT NULL)
);
CREATE INDEX issue_province ON issue (province, issue_id);
CREATE INDEX issue_request ON issue (request_id, cause) WHERE request_id IS NOT NULL;
GRANT SELECT, INSERT, UPDATE (owner, due_on) ON issue TO xiezhi_app;

CREATE VIEW inv_dispute AS
SELECT d.dispute_id, d.unit_key, d.registry, d.cause, d.late_request_id, m.opened_at, m.opened_by, m.closed_at
FROM dispute d
JOIN matter m ON m.matter_id = d.dispute_id;
CREATE VIEW inv_issue AS
SELECT i.issue_id, i.cause, i.province, i.request_id, i.owner, i.due_on, m.opened_at, m.opened_by, m.closed_at
FROM issue i
JOIN matter m ON m.matter_id = i.issue_id;
GRANT SELECT ON inv_dispute, inv_issue TO xiezhi_app;
