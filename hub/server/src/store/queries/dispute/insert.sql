WITH dispute AS (
    INSERT INTO dispute (dispute_id, unit_key, registry, superior, evidence, evidence_sha256, cause, late_request_id)
    VALUES ($1, $2, $3, $4, $5, $6, $10, $11)
)
INSERT INTO dispute_request (dispute_id, request_id, court_code, place)
SELECT $1, request_id, court_code, place FROM unnest($7::uuid[], $8::text[], $9::int[]) AS p (request_id, court_code, place)
