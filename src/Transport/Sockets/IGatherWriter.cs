namespace FastSidecar.Transport.Sockets;

/// <summary>A PipeWriter that can take memory into its next flush without copying it.</summary>
public interface IGatherWriter
{
    /// <summary>
    /// Appends <paramref name="memory"/> behind what was written. It must stay unchanged until the next flush has completed. Small or native memory is copied.
    /// </summary>
    void Append(ReadOnlyMemory<byte> memory);
}
