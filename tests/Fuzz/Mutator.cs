namespace FastSidecar.Fuzz;

/// <summary>Makes new inputs out of seeds: cuts, flips, repeats, splices, and the numbers at which parsers break.</summary>
internal sealed class Mutator(Random random, IReadOnlyList<byte[]> seeds)
{
    private const int MaxBytes = 4096;

    private static readonly byte[] EdgeBytes = [0x00, 0x01, 0x1f, 0x20, 0x3f, 0x40, 0x7e, 0x7f, 0x80, 0x81, 0xbe, 0xc0, 0xe0, 0xfe, 0xff];

    public byte[] Next()
    {
        var bytes = new List<byte>(seeds[random.Next(seeds.Count)]);
        for (var changes = random.Next(1, 8); changes > 0; changes--)
        {
            Change(bytes);
        }

        return bytes.Count <= MaxBytes ? [.. bytes] : [.. bytes.Take(MaxBytes)];
    }

    private void Change(List<byte> bytes)
    {
        var at = random.Next(bytes.Count + 1);
        var length = random.Next(Math.Min(bytes.Count - at, 32) + 1);
        switch (random.Next(8))
        {
            case 0:
                bytes.RemoveRange(at, length);
                break;
            case 1:
                bytes.RemoveRange(at, bytes.Count - at);
                break;
            case 2:
                bytes.InsertRange(at, bytes.GetRange(at, length));
                break;
            case 3:
                bytes.InsertRange(at, Noise(random.Next(16)));
                break;
            case 4:
                bytes.Insert(at, EdgeBytes[random.Next(EdgeBytes.Length)]);
                break;
            case 5 when at < bytes.Count:
                bytes[at] ^= (byte)(1 << random.Next(8));
                break;
            case 6 when at < bytes.Count:
                bytes[at] = EdgeBytes[random.Next(EdgeBytes.Length)];
                break;
            default:
                bytes.InsertRange(at, seeds[random.Next(seeds.Count)]);
                break;
        }
    }

    private byte[] Noise(int length)
    {
        var noise = new byte[length];
        random.NextBytes(noise);
        return noise;
    }
}
