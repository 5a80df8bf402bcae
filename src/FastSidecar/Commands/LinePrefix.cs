namespace FastSidecar.Commands;

/// <summary>Copies an app's output line by line, each with a prefix in front, so that it can be told from the sidecar's.</summary>
internal static class LinePrefix
{
    /// <summary>A longer line is cut into pieces, each with the prefix: memory stays bounded whatever the app prints.</summary>
    private const int MaxLineBytes = 64 * 1024;

    /// <summary>
    /// Runs until <paramref name="source"/> ends. Each line is one write under <paramref name="gate"/>; the last one gets its newline if it
    /// has none.
    /// </summary>
    public static async Task CopyAsync(Stream source, Stream target, byte[] prefix, Lock gate)
    {
        // The prefix stays at the front; a line grows behind it.
        var line = new byte[prefix.Length + MaxLineBytes];
        prefix.CopyTo(line, 0);
        var length = prefix.Length;
        int read;
        while ((read = await source.ReadAsync(line.AsMemory(length))) > 0)
        {
            var searched = length;
            length += read;
            length = WriteLines(line, searched, length, prefix.Length, target, gate);
            if (length == line.Length)
            {
                // Full without a newline.
                Write(line.AsSpan(0, length), "\n"u8, target, gate);
                length = prefix.Length;
            }
        }

        if (length > prefix.Length)
        {
            Write(line.AsSpan(0, length), "\n"u8, target, gate);
        }
    }

    /// <summary>Writes every complete line and moves the rest to the front; gives the new length.</summary>
    private static int WriteLines(byte[] line, int searched, int length, int prefixLength, Stream target, Lock gate)
    {
        while (line.AsSpan(searched, length - searched).IndexOf((byte)'\n') is var newline and >= 0)
        {
            var end = searched + newline + 1;
            Write(line.AsSpan(0, end), default, target, gate);
            line.AsSpan(end, length - end).CopyTo(line.AsSpan(prefixLength));
            length -= end - prefixLength;
            searched = prefixLength;
        }

        return length;
    }

    private static void Write(ReadOnlySpan<byte> line, ReadOnlySpan<byte> newline, Stream target, Lock gate)
    {
        try
        {
            lock (gate)
            {
                target.Write(line);
                target.Write(newline);
                target.Flush();
            }
        }
        catch (IOException)
        {
            // Nobody reads our output any more. The app's is still taken from its pipe, or it would block.
        }
    }
}
