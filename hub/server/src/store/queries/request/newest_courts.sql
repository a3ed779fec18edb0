SELECT DISTINCT court_code FROM (SELECT court_code FROM request ORDER BY accepted_at DESC, request_id DESC LIMIT $1) AS newest ORDER BY 1
