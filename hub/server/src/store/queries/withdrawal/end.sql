UPDATE withdrawal w
SET state = d.state, decided_at = d.at, decision = d.decision
FROM unnest($1::uuid[], $2::text[], $3::timestamptz[], $4::jsonb[]) AS d (withdrawal_id, state, at, decision)
WHERE w.withdrawal_id = d.withdrawal_id AND w.state = 'open'
