namespace FastSidecar.Load;

/// <summary>What came back for one request; the generator compares it with what had to come.</summary>
/// <param name="Status">HTTP status, or the gRPC status of a call.</param>
/// <param name="Length">Bytes of the body, or of the message.</param>
/// <param name="Hash"><see cref="Body.Hash(ReadOnlySpan{byte})"/> of these bytes.</param>
internal readonly record struct Answer(int Status, long Length, uint Hash)
{
    public override string ToString() => $"status {Status}, {Length} bytes, hash {Hash:x8}";
}
