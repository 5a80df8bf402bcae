using FastSidecar.Commands;

return await SidecarCommand.RunAsync(args, TimeProvider.System);
