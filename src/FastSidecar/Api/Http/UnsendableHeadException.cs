namespace FastSidecar.Api.Http;

/// <summary>A response head that HTTP has no form for. The client has seen nothing of it.</summary>
internal sealed class UnsendableHeadException : Exception
{
    public UnsendableHeadException(string message, Exception? inner = null)
        : base(message, inner)
    {
    }
}
