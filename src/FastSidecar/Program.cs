using FastSidecar.Commands;
using FastSidecar.Hosting;

SocketSettings.Apply();
return await ProgramCommands.RunAsync(Environment.GetCommandLineArgs()[0], args);
