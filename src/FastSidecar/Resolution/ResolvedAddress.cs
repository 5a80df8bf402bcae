namespace FastSidecar.Resolution;

/// <summary>
/// The one address an attempt goes to, or the error text that says why there is none. The address is the same string instance until it is forgotten.
/// </summary>
internal readonly record struct ResolvedAddress(string? Address, string? Error)
{
    public static ResolvedAddress At(string address) => new(address, null);

    public static ResolvedAddress Failed(string error) => new(null, error);
}

/// <summary>
/// The addresses one request has tried, kept by the request across its attempts. Remembers the last four, which is every attempt of Dapr's built-in
/// policy; a longer policy then starts over with the address it tried first.
/// </summary>
internal struct TriedAddresses
{
    private string? _last;
    private string? _second;
    private string? _third;
    private string? _fourth;

    public readonly bool IsEmpty => _last is null;

    public void Add(string address)
    {
        if (Contains(address))
        {
            return;
        }

        (_last, _second, _third, _fourth) = (address, _last, _second, _third);
    }

    public readonly bool Contains(string address) =>
        string.Equals(_last, address) || string.Equals(_second, address) || string.Equals(_third, address) || string.Equals(_fourth, address);
}
