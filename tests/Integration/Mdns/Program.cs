using FastSidecar.Integration.Mdns;

return args is ["mdns-peer", ..] ? await MdnsPeer.RunAsync(args[1..]) : 2;
