using System.CommandLine;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Hosting.Listening;
using Qwamos.ControlBus.Keys;

namespace Qwamos.ControlBus.Hosting.Commands;

/// <summary>`enroll FILE`: makes an operator's public key the anchor of this machine's verifiers (DESIGN section 4).</summary>
public static class EnrollCommand
{
    /// <param name="recordReplacement">Records, durably, that the anchor is about to change; the old ID is null when it was unreadable.</param>
    /// <param name="takesSystem">True where the system's ID is another machine's: adds `--system`, and demands it where there is none yet.</param>
    public static Command Create(Action<SystemPaths, KeyId?, KeyId> recordReplacement, bool takesSystem = false)
    {
        Argument<string> file = new("FILE") { Description = "The raw 32-byte public key (ed25519_pk of the operator's key home)." };
        Option<string?> fingerprint = new("--fingerprint") { Description = "The key's whole fingerprint: nobody is asked.", HelpName = "HEX" };
        Option<bool> replace = new("--replace") { Description = "Replace the key that is enrolled; this is recorded." };
        Option<string?> system = new("--system") { Description = "The system's ID: the 32 digits of Dom0's /etc/qwamos/system.id. Needed where there is none yet.", HelpName = "HEX" };
        var command = new Command("enroll", "Make a public key the one that signed changes are verified against.") { file, fingerprint, replace };
        if (takesSystem) command.Add(system);
        RootCommandAction.Set(command, (parsed, paths) =>
        {
            var outcome = new Enrolment
            {
                Paths = paths,
                File = parsed.GetRequiredValue(file),
                Fingerprint = parsed.GetValue(fingerprint),
                Replace = parsed.GetValue(replace),
                System = takesSystem ? parsed.GetValue(system) : null,
                IsGateway = takesSystem,
                Terminal = Console.IsInputRedirected ? null : Console.In,
                Output = Console.Out,
                RecordReplacement = (old, key) => recordReplacement(paths, old, key),
            }.Run();
            if (outcome.Result == EnrolmentResult.Refused) return outcome.Text;
            Console.Out.WriteLine(outcome.Text);
            Console.Out.WriteLine(Sentence(outcome, paths, isGateway: takesSystem));
            if (outcome.Result == EnrolmentResult.Replaced && StillBelieved(paths, isGateway: takesSystem) is { } warning)
                Console.Error.WriteLine(warning);
            if (outcome.Result == EnrolmentResult.Enrolled && NotYetBelieved(paths, isGateway: takesSystem) is { } note)
                Console.Out.WriteLine(note);
            return null;
        });
        return command;
    }

    internal static string Sentence(EnrolmentOutcome outcome, SystemPaths paths, bool isGateway) => outcome.Result switch
    {
        EnrolmentResult.Replaced => $"The key is replaced; what the old key staged is not applied any more: set it again with the new key. {Daemon(isGateway)} believes the new key from its next start on"
            // A start does nothing where a client has started it meanwhile.
            + $": {(paths.IsTrial ? ProposedCommand.Start(paths, Daemon(isGateway)) : ProposedCommand.Restart(paths, Daemon(isGateway)))}",
        EnrolmentResult.AlreadyEnrolled => "This key was enrolled before; it stays.",
        _ => "The key is enrolled.",
    };

    /// <summary>What nobody may overlook, on standard error: who stole the old key can still use it. Null where no daemon runs.</summary>
    internal static string? StillBelieved(SystemPaths paths, bool isGateway) => Runs(paths, isGateway)
        ? $"\nTHE OLD KEY IS STILL BELIEVED: {Daemon(isGateway)} runs, and takes what the old key signs until it is restarted. Restart it now:\n\n    {ProposedCommand.Restart(paths, Daemon(isGateway))}\n"
        : null;

    /// <summary>In a trial one runs without an enrolled key, and believes the one of the key home. Null where no daemon runs.</summary>
    internal static string? NotYetBelieved(SystemPaths paths, bool isGateway) =>
        Runs(paths, isGateway) ? $"{Daemon(isGateway)} runs since before, and believes it from its next start on: {ProposedCommand.Restart(paths, Daemon(isGateway))}" : null;

    private static bool Runs(SystemPaths paths, bool isGateway) => isGateway ? FileLock.IsHeld(paths.GatewayLockFile) : BusSocket.IsServed(paths.BusSocket);

    private static string Daemon(bool isGateway) => isGateway ? "gateway-policyd" : "qwamosd";
}
