"""Where frames are computed: the Engine protocol, its implementations, and the operations that differ."""
