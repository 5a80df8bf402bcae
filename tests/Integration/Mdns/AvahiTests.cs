using Xunit;

namespace FastSidecar.Integration.Mdns;

/// <summary>
/// avahi and its programs beside a sidecar. Dapr's service type is the app id itself, without the <c>_x._tcp</c> of DNS-SD, so
/// avahi-browse and avahi-publish-service refuse to name it; records as such avahi reads and publishes.
/// </summary>
public sealed class AvahiTests
{
    private static readonly string RecordsScript = Path.Combine(AppContext.BaseDirectory, "Mdns", "avahi_records.py");

    [NamespaceFact(AvahiHost.Daemon, AvahiHost.Bus, "avahi-resolve-host-name")]
    public async Task OurHostName_IsResolvedByAvahi()
    {
        await using var hosts = await TwoHosts.CreateAsync();
        await using var avahi = await AvahiHost.StartOnBAsync(hosts);
        await using var callee = await hosts.PeerOnAAsync("callee", TwoHosts.AddressOfA, 5001);
        await Polling.UntilAsync(
            () => avahi.RunAsync("avahi-resolve-host-name", "-4", "testhost.local"),
            static text => text.TrimEnd() == "testhost.local\t10.99.0.2");
    }

    [NamespaceFact(AvahiHost.Daemon, AvahiHost.Bus, "avahi-resolve-host-name", NamespaceFactAttribute.Python)]
    public async Task DaprsRecordsPublishedByAvahi_AreFoundByUs_AndGoneWithTheirPublisher()
    {
        await using var hosts = await TwoHosts.CreateAsync();
        await using var avahi = await AvahiHost.StartOnBAsync(hosts);
        await using var caller = await hosts.PeerOnAAsync("caller", TwoHosts.AddressOfA, 5001);
        var publisher = avahi.Start(NamespaceFactAttribute.Python, RecordsScript, "avahiapp", TwoHosts.AddressOfB, "5009");
        Assert.Equal("ready", await publisher.ReadLineAsync());
        await Polling.UntilAsync(() => caller.AskAsync("resolve avahiapp"), static text => text == "10.99.0.3:5009");

        // avahi says goodbye for it; another instance is then the only one that is given out.
        await using var other = await hosts.PeerOnAAsync("avahiapp", TwoHosts.AddressOfA, 5010);
        await Polling.UntilAsync(() => caller.AskAsync("resolve avahiapp"), static text => text == "10.99.0.2:5010");
        await publisher.DisposeAsync();
        await Polling.UntilAsync(
            async () => $"{await caller.AskAsync("resolve avahiapp")} {await caller.AskAsync("resolve avahiapp")}",
            static text => text == "10.99.0.2:5010 10.99.0.2:5010");
    }

    [NamespaceFact(AvahiHost.Daemon, AvahiHost.Bus, "avahi-resolve-host-name", "avahi-browse", "avahi-publish-service")]
    public async Task BrowseAndPublish_RefuseAnAppIdAsServiceType()
    {
        await using var hosts = await TwoHosts.CreateAsync();
        await using var avahi = await AvahiHost.StartOnBAsync(hosts);
        await using var callee = await hosts.PeerOnAAsync("callee", TwoHosts.AddressOfA, 5001);
        const string Refusal = "Invalid service type";
        Assert.Contains(Refusal, await avahi.RunAsync("avahi-browse", "--terminate", "callee"), StringComparison.Ordinal);
        var published = await avahi.RunAsync("avahi-publish-service", "instance", "other", "5009", "other");
        Assert.Contains(Refusal, published, StringComparison.Ordinal);

        // Everything there is: our answer to the question for service types is no type to avahi, and does it no harm.
        var everything = await avahi.RunAsync("avahi-browse", "--all", "--terminate", "--parsable");
        Assert.DoesNotContain("callee", everything, StringComparison.Ordinal);
        var own = await avahi.RunAsync("avahi-resolve-host-name", "-4", "avahihost.local");
        Assert.Contains(TwoHosts.AddressOfB, own, StringComparison.Ordinal);
    }

    [NamespaceFact(AvahiHost.Daemon, AvahiHost.Bus, "avahi-resolve-host-name", "avahi-browse", "avahi-publish-service")]
    public async Task OrdinaryServiceOfThatName_IsNoSidecar_AndAvahiServesItUndisturbed()
    {
        await using var hosts = await TwoHosts.CreateAsync();
        await using var avahi = await AvahiHost.StartOnBAsync(hosts);
        await using var caller = await hosts.PeerOnAAsync("caller", TwoHosts.AddressOfA, 5001);
        await using var beside = await hosts.PeerOnBAsync("beside", TwoHosts.AddressOfB, 5002);
        await using var publisher = avahi.Start("avahi-publish-service", "instance", "_printer._tcp", "5009", "printer");
        await Polling.UntilAsync(
            () => avahi.RunAsync("avahi-browse", "--terminate", "--parsable", "--resolve", "_printer._tcp"),
            static text => text.Contains(";5009;\"printer\"", StringComparison.Ordinal));
        Assert.Equal("couldn't find service: printer", await caller.AskAsync("resolve printer"));
        Assert.Equal("couldn't find service: _tcp", await caller.AskAsync("resolve _tcp"));
        await Polling.UntilAsync(() => caller.AskAsync("resolve beside"), static text => text == "10.99.0.3:5002");
        await publisher.KillAsync();
    }
}
