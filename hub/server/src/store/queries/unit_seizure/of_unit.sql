SELECT seizure FROM unit_seizure WHERE unit_key = $1
