namespace FastSidecar.Transport.Hpack;

/// <summary>
/// The fields at the start of a block that are nothing but indices. As long as the coder's <c>Version</c> stays the same, the same bytes at
/// the start of a block stand for the same fields, and those fields at the start of a list are written as these bytes: neither depends on
/// anything but the table, and neither changes it.
/// </summary>
/// <param name="Fields">How many fields.</param>
/// <param name="BlockBytes">How many bytes of the block they take.</param>
/// <param name="ListBytes">What they count in a header list (RFC 9113 §6.5.2); only a decoder says.</param>
internal readonly record struct HpackIndexRun(int Fields, int BlockBytes, long ListBytes);
