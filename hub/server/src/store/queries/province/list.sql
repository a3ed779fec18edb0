SELECT code, name, valid_from, valid_to FROM province ORDER BY code
