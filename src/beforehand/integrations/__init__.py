"""The areas inside other libraries, one package a host; a host is imported only when its package needs it."""
