SELECT count(*) FROM (SELECT FROM outbox WHERE confirmed_at IS NULL LIMIT $1) AS unconfirmed
