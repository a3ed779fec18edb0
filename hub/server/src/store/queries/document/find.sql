SELECT size, media_type FROM document WHERE sha256 = $1
