UPDATE issue SET owner = coalesce($2, owner), due_on = coalesce($3, due_on) WHERE issue_id = $1
