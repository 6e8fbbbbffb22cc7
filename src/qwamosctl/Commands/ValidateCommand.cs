using System.CommandLine;
using Qwamos.Client.Changing;
using Qwamos.Client.Showing;
using Qwamos.ControlBus.Json;

namespace Qwamos.Client.Commands;

/// <summary><c>qwamosctl validate FILE</c>: checks a policy file as apply would, without a daemon or a key.</summary>
internal static class ValidateCommand
{
    public static Command Build(SharedOptions shared, Terminal terminal)
    {
        Argument<string> file = new("FILE") { Description = "A JSON object of policy keys and values; - reads standard input" };
        Command command = new("validate", "Check a policy file; nothing is sent") { file };
        command.SetAction(parse => shared.Run(parse, terminal, session => Run(session, parse.GetValue(file)!)));
        return command;
    }

    private static int Run(Session session, string file)
    {
        if (!session.TryLoadSchema(out var schema, out var failure) || !PolicyFile.TryRead(session.Terminal, file, schema, out var settings, out failure))
            return session.Fail(failure);
        session.Terminal.Print(session.Json
            ? JsonPrinter.Print(JsonValue.Object([("status", JsonValue.Of("ok")), ("keys", JsonValue.Of(settings.Count)), ("schema", JsonValue.Of(schema.Hash))])) + "\n"
            : $"valid: {settings.Count} {(settings.Count == 1 ? "key" : "keys")}\n");
        return (int)ExitCode.Done;
    }
}
