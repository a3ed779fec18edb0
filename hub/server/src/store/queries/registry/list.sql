SELECT code, name, valid_from, valid_to FROM registry ORDER BY code
