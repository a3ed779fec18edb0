INSERT INTO contact (province, side, organisation, name, duty, phone, email, valid_from, valid_to)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::date[], $9::date[])
ON CONFLICT (province, side, organisation, name, valid_from) DO UPDATE
SET duty = excluded.duty, phone = excluded.phone, email = excluded.email, valid_to = excluded.valid_to
WHERE (contact.duty, contact.phone, contact.email, contact.valid_to)
      IS DISTINCT FROM (excluded.duty, excluded.phone, excluded.email, excluded.valid_to)
RETURNING (xmax = 0) AS added
