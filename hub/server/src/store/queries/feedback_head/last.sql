SELECT last_seq FROM feedback_head WHERE sender = $1
