-- Copies of one attempt can die in several dead-letter queues; each queue's copy is accounted for and taken out by itself.

ALTER TABLE dead_letter
    DROP CONSTRAINT dead_letter_message_id_attempt_key,
    ADD CONSTRAINT dead_letter_message_id_attempt_queue_key UNIQUE (message_id, attempt, queue);
