DELETE FROM feedback_queue WHERE sender = $1
