SELECT level, count(*) FROM reminder WHERE closed_at IS NULL GROUP BY level
