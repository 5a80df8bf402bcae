using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace FastSidecar.Transport.Sockets.Loop;

/// <summary>
/// struct epoll_event as bytes, because its layout is the architecture's: packed to 12 bytes on x86-64, naturally aligned to 16 elsewhere.
/// </summary>
internal static unsafe class EpollEvents
{
    private static readonly bool s_packed = RuntimeInformation.ProcessArchitecture is Architecture.X64;

    public static int Size => s_packed ? 12 : 16;

    private static int DataOffset => s_packed ? 4 : 8;

    public static void Write(byte* at, uint events, ulong data)
    {
        Unsafe.WriteUnaligned(at, events);
        Unsafe.WriteUnaligned(at + DataOffset, data);
    }

    public static uint Events(byte* at) => Unsafe.ReadUnaligned<uint>(at);

    public static ulong Data(byte* at) => Unsafe.ReadUnaligned<ulong>(at + DataOffset);
}
