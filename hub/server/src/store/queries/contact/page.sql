SELECT contact_id, province, side, organisation, name, duty, phone, email, valid_from, valid_to
FROM contact
WHERE ($1::text IS NULL OR province = $1)
  AND ($2::text IS NULL OR side = $2)
  AND ($3::boolean OR valid_to IS NULL OR valid_to >= $4)
  AND contact_id > $5
ORDER BY contact_id
LIMIT $6
