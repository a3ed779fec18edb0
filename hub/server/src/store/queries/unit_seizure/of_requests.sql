SELECT seizure FROM unit_seizure WHERE request_id = ANY ($1)
