// Picks a command, nothing else.
return 0;
