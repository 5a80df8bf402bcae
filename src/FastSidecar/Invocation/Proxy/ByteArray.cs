using System.Buffers;

namespace FastSidecar.Invocation.Proxy;

/// <summary>An array of the shared pool that grows with what is put into it; empty while there is none.</summary>
internal static class ByteArray
{
    private const int InitialBytes = 4096;

    /// <summary>Makes room for <paramref name="more"/> bytes behind those that are used.</summary>
    public static void Ensure(ref byte[] array, int used, int more)
    {
        if (array.Length - used >= more)
        {
            return;
        }

        var larger = ArrayPool<byte>.Shared.Rent(Math.Max(Math.Max(used + more, array.Length * 2), InitialBytes));
        array.AsSpan(0, used).CopyTo(larger);
        Return(ref array);
        array = larger;
    }

    public static void Return(ref byte[] array)
    {
        if (array.Length > 0)
        {
            ArrayPool<byte>.Shared.Return(array);
            array = [];
        }
    }
}
