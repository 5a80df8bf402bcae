namespace FastSidecar.Transport.Sockets;

/// <summary>Bytes on their way into a socket. A pooled block is the writer's until they have left, foreign memory the caller's.</summary>
internal readonly record struct SendPiece(byte[] Array, int Start, int Count, bool Pooled);
