using Microsoft.Extensions.Logging;
using Qwamos.ControlBus.Hosting.Commands;

namespace Qwamos.Gateway;

/// <summary>Every message of the gateway's log. The log itself escapes what comes from outside.</summary>
internal sealed partial class LogMessages(ILogger logger) : IStartLog
{
    [LoggerMessage(1, LogLevel.Information, "key {KeyId}")]
    public partial void Key(string keyId);

    [LoggerMessage(2, LogLevel.Information, "schema {Hash}: {Runtime} runtime keys, {Reboot} reboot keys")]
    public partial void Schema(string hash, int runtime, int reboot);

    [LoggerMessage(3, LogLevel.Information, "policy of {Domain} (class {Class}): {Keys} keys, {Staged} staged, {Entries} entries")]
    public partial void Policy(string domain, string @class, int keys, int staged, long entries);

    [LoggerMessage(4, LogLevel.Information, "socket {Path}")]
    public partial void Socket(string path);

    [LoggerMessage(9, LogLevel.Information, "socket {Path}, from systemd")]
    public partial void ActivatedSocket(string path);

    [LoggerMessage(17, LogLevel.Information, "link {Path}")]
    public partial void LinkOpen(string path);

    [LoggerMessage(18, LogLevel.Warning, "link {Path}: {Reason}; tried again each second")]
    public partial void LinkFailed(string path, string reason);

    [LoggerMessage(5, LogLevel.Information, "ready")]
    public partial void Ready();

    [LoggerMessage(6, LogLevel.Information, "stopped")]
    public partial void Stopped();

    [LoggerMessage(7, LogLevel.Error, "does not start: {Reason}")]
    public partial void DoesNotStart(string reason);

    [LoggerMessage(8, LogLevel.Information, "Landlock: {What}")]
    public partial void Confined(string what);

    [LoggerMessage(10, LogLevel.Information, "accepted {Keys} as entry {Index}, signed by {KeyId}")]
    public partial void Accepted(string keys, long index, string keyId);

    [LoggerMessage(11, LogLevel.Warning, "refused {Code} from {Peer}: {Reason}")]
    public partial void Refused(string code, string reason, string peer);

    [LoggerMessage(14, LogLevel.Warning, "{Count} more were refused")]
    public partial void RefusedMore(long count);

    [LoggerMessage(16, LogLevel.Information, "{Count} more changes were accepted")]
    public partial void AcceptedMore(long count);

    [LoggerMessage(15, LogLevel.Error, "what was staged stays staged, for its result cannot be recorded: {Reason}")]
    public partial void StagedNotRecorded(string reason);

    [LoggerMessage(12, LogLevel.Information, "staged {Key} of entry {Index} applied: {Result}")]
    public partial void AppliedAtStart(string key, long index, string result);

    [LoggerMessage(13, LogLevel.Error, "status.json cannot be written: {Reason}; tried again each second")]
    public partial void ProjectionFailed(string reason);

    [LoggerMessage(20, LogLevel.Information, "enforced {Key} of entry {Index}")]
    public partial void Enforced(string key, long index);

    [LoggerMessage(21, LogLevel.Error, "enforcing {Key} of entry {Index}: {Outcome}; it printed: {Output}")]
    public partial void EnforcementFailed(string key, long index, string outcome, string output);

    [LoggerMessage(22, LogLevel.Information, "in force: {Values}")]
    public partial void InForce(string values);

    [LoggerMessage(23, LogLevel.Error, "not in force: {Values}: {Reason}; {End}")]
    public partial void NotInForce(string values, string reason, string end);

    [LoggerMessage(24, LogLevel.Warning, "drift of {Keys}: {Difference}; {Action}")]
    public partial void Drifted(string keys, string difference, string action);

    [LoggerMessage(25, LogLevel.Warning, "hooks.d/{Key} is not run: {Member} in gateway.json has this key")]
    public partial void HookUnused(string key, string member);

    [LoggerMessage(26, LogLevel.Information, "the radios have sent nothing for {Minutes} min: blocked until RADIO_ISOLATION or RADIO_IDLE_TIMEOUT_MIN is set again")]
    public partial void RadiosIdle(long minutes);

    [LoggerMessage(32, LogLevel.Warning, "radio in gateway.json names {Interface}, and there is no such interface now: what it sends does not count for RADIO_IDLE_TIMEOUT_MIN until it is there")]
    public partial void RadioNotThere(string @interface);

    [LoggerMessage(27, LogLevel.Warning, "none of {Keys} was ever set: {End}")]
    public partial void NothingSet(string keys, string end);

    [LoggerMessage(28, LogLevel.Information, "hooks run as units of their own, by {Path}")]
    public partial void HooksAreUnits(string path);

    [LoggerMessage(29, LogLevel.Information, "hooks run as processes of this daemon, for there is no {Path}")]
    public partial void HooksAreProcesses(string path);

    [LoggerMessage(31, LogLevel.Error, "a status could not be made ({Kind}): {Reason}; its sender was told busy")]
    public partial void StatusFailed(string kind, string reason);

    [LoggerMessage(40, LogLevel.Information, "witness {Key}")]
    public partial void Witness(string key);

    [LoggerMessage(41, LogLevel.Warning, "no witness: this gateway has no system ID yet; give it Dom0's: {Command}")]
    public partial void NoWitness(string command);

    [LoggerMessage(44, LogLevel.Warning, "the witness has a new key, {Key}, for it vouches for another ledger now, {Ledger}: give its line to the auditors in place of {Old}")]
    public partial void WitnessKeyRenewed(string ledger, string key, string old);

    [LoggerMessage(45, LogLevel.Error, "the word for the ledger's key is not believed any more, and that cannot be kept on disk: {Reason}; the next start finds it out again")]
    public partial void WitnessNotKept(string reason);

    [LoggerMessage(50, LogLevel.Information, "trust root {Version}, {Hash}: {Holders} holders, until {Expires}")]
    public partial void TrustRoot(long version, string hash, int holders, string expires);

    [LoggerMessage(51, LogLevel.Information, "trust root {Version} is in force from entry {Index} on: {Hash}")]
    public partial void TrustRootTaken(long version, long index, string hash);

    [LoggerMessage(42, LogLevel.Error, "evidence is kept in {Path}: {Reason}")]
    public partial void EvidenceKept(string reason, string path);

    [LoggerMessage(43, LogLevel.Error, "evidence cannot be kept ({Fault}): {Reason}")]
    public partial void EvidenceNotKept(string reason, string fault);

    [LoggerMessage(30, LogLevel.Critical, "the record of accepted changes is broken: {Reason}")]
    public partial void RecordBroken(string reason);

    [LoggerMessage(52, LogLevel.Warning, "that the radios are blocked from here cannot be kept, and is tried again: {Error}. Until then a restart takes the block for somebody else's")]
    public partial void RadiosNotRemembered(string error);
}
