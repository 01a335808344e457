"""Routes: know what a message means. Pure: no sockets, no files, no clock, no logging."""
