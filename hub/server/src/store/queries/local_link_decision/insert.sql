INSERT INTO local_link_decision (province, closed_from, decided_by, reason) VALUES ($1, $2, $3, $4)
