SELECT evidence, encode(evidence_sha256, 'hex') FROM dispute WHERE dispute_id = $1
