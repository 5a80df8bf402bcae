using System.Buffers;
using System.Text;
using FastSidecar.Invocation;
using FastSidecar.Transport.Headers;

namespace FastSidecar.Api.Http;

/// <summary>
/// The header fields of a connection's last request as bytes. A client repeats most of its fields in every request of a connection, so each
/// field is compared with the one that stood in its place; only what differs is checked and converted.
/// </summary>
internal sealed class RepeatedFields
{
    /// <summary>Fields beyond this one are converted every time.</summary>
    private const int MostRemembered = 32;

    /// <summary>So are longer ones: with the limit above a connection remembers at most 16 KiB of bytes, and twice that of text.</summary>
    private const int LongestRemembered = 512;

    /// <summary>What no value may hold (RFC 9110 §5.5: control characters but the tab); Kestrel refuses NUL, CR and LF only.</summary>
    private static readonly SearchValues<char> ControlCharacters = SearchValues.Create(
        "\x00\x01\x02\x03\x04\x05\x06\x07\x08\x0a\x0b\x0c\x0d\x0e\x0f"
        + "\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19\x1a\x1b\x1c\x1d\x1e\x1f\x7f");

    /// <summary>A token (RFC 9110 §5.6.2); Kestrel lets any other but NUL, blanks and the colon through.</summary>
    private static readonly SearchValues<char> NameCharacters =
        SearchValues.Create("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");

    private Field[] _fields = new Field[8];
    private int _count;

    private struct Field
    {
        public string Name;
        public string Value;
        public byte[] Bytes;
        public HeaderRole Role;
        public bool IsIllegal;
    }

    /// <summary>The roles of all names that the request has so far.</summary>
    public HeaderRole Roles { get; private set; }

    /// <summary>The next request begins.</summary>
    public void Restart()
    {
        _count = 0;
        Roles = HeaderRole.None;
    }

    /// <summary>
    /// Adds the request's next field to the list. False when its name is no token or its value holds a control character.
    /// </summary>
    public bool Add(string name, string value, HeaderList list)
    {
        var length = name.Length + value.Length;
        if (_count == MostRemembered || length > LongestRemembered || IsSecret(name))
        {
            var nameBytes = list.Append(name.Length, value.Length, out var valueBytes);
            Encoding.Latin1.GetBytes(name, nameBytes);
            Roles |= HeaderRoles.Of(nameBytes);
            Encoding.Latin1.GetBytes(value, valueBytes);
            return IsLegal(name, value);
        }

        if (_count == _fields.Length)
        {
            Array.Resize(ref _fields, _count * 2);
        }

        ref var field = ref _fields[_count++];
        if (!string.Equals(field.Name, name) || !string.Equals(field.Value, value))
        {
            Remember(ref field, name, value);
        }

        Roles |= field.Role;
        var bytes = field.Bytes.AsSpan(0, length);
        list.Add(bytes[..name.Length], bytes[name.Length..]);
        return !field.IsIllegal;
    }

    /// <summary>What proves who somebody is stays no longer than its request.</summary>
    private static bool IsSecret(string name) =>
        name.Equals("Authorization", StringComparison.OrdinalIgnoreCase)
        || name.Equals("Cookie", StringComparison.OrdinalIgnoreCase)
        || name.Equals("dapr-api-token", StringComparison.OrdinalIgnoreCase);

    private static void Remember(ref Field field, string name, string value)
    {
        var length = name.Length + value.Length;
        if (field.Bytes is null || field.Bytes.Length < length)
        {
            field.Bytes = new byte[Math.Min(LongestRemembered, (length + 63) & ~63)];
        }

        Encoding.Latin1.GetBytes(name, field.Bytes);
        Encoding.Latin1.GetBytes(value, field.Bytes.AsSpan(name.Length));
        field.Name = name;
        field.Value = value;
        field.Role = HeaderRoles.Of(field.Bytes.AsSpan(0, name.Length));
        field.IsIllegal = !IsLegal(name, value);
    }

    private static bool IsLegal(string name, string value) =>
        name.Length > 0 && !name.AsSpan().ContainsAnyExcept(NameCharacters) && !value.AsSpan().ContainsAny(ControlCharacters);
}
