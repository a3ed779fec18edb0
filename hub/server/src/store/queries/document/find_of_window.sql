SELECT d.size, d.media_type
FROM document d
WHERE d.sha256 = $1
  AND (EXISTS (SELECT FROM document_owner o WHERE o.sha256 = d.sha256 AND o.sender = $2)
       OR EXISTS (SELECT FROM window_entry e
                  WHERE e.registry = $3 AND (e.late_evidence = d.sha256 OR d.sha256 = ANY (e.scans))))
