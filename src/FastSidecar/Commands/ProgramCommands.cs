using FastSidecar.Hosting;

namespace FastSidecar.Commands;

/// <summary>Runs the command that the program's name and its first word choose.</summary>
internal static class ProgramCommands
{
    public static async Task<int> RunAsync(string programName, string[] args)
    {
        var route = CommandLineRouter.Choose(programName, args);
        var context = CommandContext.OfProcess();
        switch (route.Role)
        {
            case ProgramRole.Sidecar:
                return await new SidecarCommand(context, SidecarHost.RunAsync, Environment.Exit).RunAsync(route.Args, route.AsDaprd);
            case ProgramRole.Run:
                return await new RunCommand(context, Environment.ProcessPath!, SocketSettings.OwnVariables, new Random()).RunAsync(route.Args);
            case ProgramRole.Demo:
                return await DemoCommand.RunAsync([.. route.Args], Console.Out, context.Time);
            case ProgramRole.Bench:
                return await new BenchCommand(Console.Out, context.StandardError, context.Time, new Random()).RunAsync(route.Args);
            case ProgramRole.Exec:
                return ExecCommand.Run(route.Args, context.StandardError);
            default:
                await context.StandardError.WriteLineAsync(route.Message);
                return route.ExitCode;
        }
    }
}
