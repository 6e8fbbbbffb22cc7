using System.Text.Json;
using System.Text.Json.Nodes;
using Qwamos.SystemTests.Harness;
using Xunit;

namespace Qwamos.SystemTests;

/// <summary>
/// What was staged by a key that has left since, for every policy key: the boot of Dom0 applies what stands before the cut-off of a revoked key, a gateway nothing that
/// such a key staged, and both what the other signers suffice for. One expected outcome each.
/// </summary>
public sealed class CutOffMatrixTests
{
    private static readonly string[] Holders = ["anna", "ben", "cora"];

    /// <summary>What the key that staged a value became.</summary>
    private enum Fate
    {
        Stays,
        Leaves,
        RevokedAfterIt,
        RevokedFromItOn,
        RevokedFromItOnButOthersSuffice,
    }

    [Theory]
    [InlineData(false, 1)]
    [InlineData(false, 2)]
    [InlineData(true, 1)]
    [InlineData(true, 2)]
    public void WhatIsStaged_IsAppliedOrNot_AsTheFateOfItsKeyIs(bool isGateway, int threshold)
    {
        var wrong = new List<string>();
        Fate[] fates = Enum.GetValues<Fate>();
        string[] names = [.. AuthorityTable.PolicyKeys.Where(key => !isGateway || key.Class is "gateway" or "all").Select(key => key.Name)];
        // Each round gives every policy key another fate.
        for (int round = 0; round < fates.Length; round++)
        {
            Dictionary<string, Fate> fateOf = names.Select((name, i) => (name, fates[(i + round) % fates.Length])).ToDictionary();
            JsonElement status = Run(isGateway, threshold, fateOf);
            foreach ((string name, Fate fate) in fateOf)
            {
                bool isApplied = status.Policy(name) is not null && status.Pending(name) is null;
                if (isApplied != IsApplied(fate, isGateway) || isApplied == status.Pending(name) is not null)
                    wrong.Add($"{name}, whose key {fate}: {(isApplied ? "applied" : "not applied")}");
            }
        }
        Assert.True(wrong.Count == 0, string.Join('\n', wrong));
    }

    private static bool IsApplied(Fate fate, bool isGateway) => fate switch
    {
        Fate.Stays or Fate.Leaves or Fate.RevokedFromItOnButOthersSuffice => true,
        // The cut-off is an entry of Dom0's ledger, which a gateway does not know.
        Fate.RevokedAfterIt => !isGateway,
        _ => false,
    };

    /// <summary>Stages every key, replaces the trust root, and starts anew; the status after it.</summary>
    private static JsonElement Run(bool isGateway, int threshold, Dictionary<string, Fate> fateOf)
    {
        using var trial = new Trial();
        RunningProgram program = isGateway ? trial.StartGateway() : trial.StartDaemon();
        string socket = isGateway ? trial.GatewaySocket : trial.BusSocket;
        Roots roots = Roots.Of(trial);
        Dictionary<Fate, TestSigner> anna = Enum.GetValues<Fate>().ToDictionary(fate => fate, _ => TestSigner.Fresh());
        TestSigner ben = TestSigner.Fresh(), cora = TestSigner.Fresh();
        JsonObject first = Draft(roots, 1, threshold, [.. anna.Values.Select(key => ("anna", key)), ("ben", ben), ("cora", cora)]);
        Assert.Equal("ok", trial.Ask(Roots.Request(first, trial.Signer, ben, cora), socket).Code());

        var staged = new Dictionary<Fate, List<long>>();
        foreach ((string name, Fate fate) in fateOf)
        {
            int signers = fate == Fate.RevokedFromItOnButOthersSuffice ? threshold + 1 : threshold;
            JsonObject message = TestSigner.Draft($"{{\"{name}\":{AuthorityTable.PolicyKeys.Single(key => key.Name == name).Values[1]}}}");
            (message["system"], message["mode"]) = (roots.System, "staged");
            JsonElement answer = trial.Ask(TestSigner.RequestBy(message, new[] { anna[fate], ben, cora }[..signers]), socket);
            Assert.True(answer.Code() == "ok", answer.ToString());
            if (!staged.TryGetValue(fate, out List<long>? indexes))
                staged[fate] = indexes = [];
            indexes.Add(answer.GetProperty("index").GetInt64());
        }

        JsonObject second = Draft(roots, 2, threshold, [("anna", anna[Fate.Stays]), ("ben", ben), ("cora", cora)]);
        second["revoked"] = new JsonArray(
            Roots.Revoked(anna[Fate.RevokedAfterIt], staged[Fate.RevokedAfterIt].Max() + 1),
            Roots.Revoked(anna[Fate.RevokedFromItOn], staged[Fate.RevokedFromItOn].Min()),
            Roots.Revoked(anna[Fate.RevokedFromItOnButOthersSuffice], staged[Fate.RevokedFromItOnButOthersSuffice].Min()));
        Assert.Equal("ok", trial.Ask(Roots.Request(second, ben, cora), socket).Code());
        // qwamosd says beforehand what the boot will refuse, and of nothing else.
        if (!isGateway)
        {
            string[] refused = trial.Status().TryGetProperty("pending_refused", out JsonElement whys) ? [.. whys.EnumerateObject().Select(why => why.Name)] : [];
            Assert.Equal(fateOf.Where(pair => !IsApplied(pair.Value, isGateway)).Select(pair => pair.Key).Order(StringComparer.Ordinal), refused.Order(StringComparer.Ordinal));
        }
        Assert.Equal(0, program.Stop());
        if (isGateway)
        {
            trial.StartGateway();
        }
        else
        {
            Assert.Equal(0, trial.ApplyPending().ExitCode);
            trial.StartDaemon();
        }
        return trial.Ask("""{"msg":{"command":"get_status"}}"""u8, socket);
    }

    private static JsonObject Draft(Roots roots, long version, int threshold, (string Holder, TestSigner Key)[] keys)
    {
        JsonObject root = roots.Draft(version, keys);
        root["roles"] = new JsonObject { ["root"] = Roots.Role(threshold, Holders), ["operator"] = Roots.Operator(threshold, Holders) };
        return root;
    }
}
