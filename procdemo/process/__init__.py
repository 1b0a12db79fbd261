"""What servers, pools and the crawler share: waiting, pipes, exit statuses, pauses, measures."""
