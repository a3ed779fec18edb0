SELECT closed_from FROM local_link_decision WHERE province = $1 ORDER BY n DESC LIMIT 1
