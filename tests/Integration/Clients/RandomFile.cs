namespace FastSidecar.Integration.Clients;

/// <summary>A file of bytes that no part of the way could make up. It and what came back of it (<c>.back</c>) go with it.</summary>
internal sealed class RandomFile : IDisposable
{
    private const int Seed = 7;

    private RandomFile(string path)
    {
        Path = path;
    }

    public string Path { get; }

    public static RandomFile Create(int bytes)
    {
        var path = System.IO.Path.GetTempFileName();
        var content = new byte[bytes];
        new Random(Seed).NextBytes(content);
        File.WriteAllBytes(path, content);
        return new RandomFile(path);
    }

    public bool IsEqualTo(string other) => File.ReadAllBytes(Path).AsSpan().SequenceEqual(File.ReadAllBytes(other));

    public void Dispose()
    {
        File.Delete(Path);
        File.Delete(Path + ".back");
    }
}
