using System.Text;
using Qwamos.ControlBus.Policy;
using Xunit;

namespace Qwamos.ControlBus.Tests.Policy;

public sealed class LegacyConverterTests
{
    [Fact]
    public void Flat_file_with_comments_any_case_and_quotes_is_converted()
    {
        var conversion = Convert("""
            # QWAMOS policy
            ; another comment
            RADIO_ISOLATION=ON
            tor_isolation = "Mandatory"   # all of it
            Radio_Hardening.Level='strict'
            RADIO_IDLE_TIMEOUT_MIN=05
            duress.enabled=Yes
            KERNEL_HARDENING=paranoid ; hard
            """);
        Assert.True(conversion.IsClean);
        Assert.Equal(
            """{"RADIO_ISOLATION":"on","TOR_ISOLATION":"mandatory","RADIO_HARDENING.level":"strict","RADIO_IDLE_TIMEOUT_MIN":5,"DURESS.enabled":true,"KERNEL_HARDENING":"paranoid"}""",
            conversion.ToJson().ToString());
    }

    [Fact]
    public void Section_and_key_make_the_name()
    {
        var conversion = Convert("\ufeff[RADIO_HARDENING]\r\nlevel=strict\r\n\r\n[duress] # sensitive\r\nEnabled = false\r\ngesture = triple-power\r\n[KERNEL]\r\nKERNEL_HARDENING=strict\r\n");
        Assert.True(conversion.IsClean);
        Assert.Equal(
            """{"RADIO_HARDENING.level":"strict","DURESS.enabled":false,"DURESS.gesture":"triple-power","KERNEL_HARDENING":"strict"}""",
            conversion.ToJson().ToString());
    }

    [Theory]
    [InlineData("VERIFIED_BOOT_ENFORCE=warn", """{"BOOT_VERIFICATION":"warn"}""")]
    [InlineData("verified_boot_enforce=Enforce", """{"BOOT_VERIFICATION":"strict"}""")]
    [InlineData("DURESS_PROFILE=on", """{"DURESS.enabled":true}""")]
    [InlineData("DURESS_PROFILE=disabled", """{"DURESS.enabled":false}""")]
    [InlineData("E2E_TUNNEL_POLICY=tor-only", """{"TOR_ISOLATION":"mandatory"}""")]
    public void Old_name_is_mapped_and_the_mapping_is_noted(string line, string json)
    {
        var conversion = Convert(line);
        Assert.True(conversion.IsClean);
        Assert.Equal(json, conversion.ToJson().ToString());
        Assert.Contains(" now", Assert.Single(conversion.Notes).Remark, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("VERIFIED_BOOT_ENFORCE=panic")]
    [InlineData("E2E_TUNNEL_POLICY=direct")]
    [InlineData("DURESS_PROFILE=decoy")]
    public void Old_name_with_a_value_that_means_nothing_today_is_a_fault(string line)
    {
        var conversion = Convert("\n" + line);
        Assert.Empty(conversion.Values);
        Assert.Equal(2, Assert.Single(conversion.Faults).Number);
    }

    [Fact]
    public void Unknown_keys_are_listed_with_their_lines_and_the_rest_is_converted()
    {
        var conversion = Convert("COLOUR=blue\nVPN_KILLSWITCH=on\nVPN_KILL_SWITCH=on\n[CAMERA]\nenabled=true\n");
        Assert.Equal(
            ["1 COLOUR", "2 VPN_KILLSWITCH", "5 [CAMERA] enabled"], conversion.Unknown.Select(line => $"{line.Number} {line.Name}"));
        Assert.Contains("VPN_KILL_SWITCH", conversion.Unknown[1].Remark, StringComparison.Ordinal);
        Assert.Equal("""{"VPN_KILL_SWITCH":"on"}""", conversion.ToJson().ToString());
        Assert.False(conversion.IsClean);
        Assert.Empty(conversion.Faults);
    }

    [Fact]
    public void Signature_lines_are_reported_and_left_out()
    {
        var conversion = Convert("RADIO_ISOLATION=on\nSIG=MEUCIQDx==\nsig = abc\n");
        Assert.Equal([2, 3], conversion.Notes.Select(line => line.Number));
        Assert.True(conversion.IsClean);
        Assert.DoesNotContain("MEUC", string.Concat(conversion.Notes), StringComparison.Ordinal);
    }

    [Fact]
    public void Duplicates_are_reported_and_differing_ones_are_a_fault()
    {
        var conversion = Convert("RADIO_ISOLATION=on\nradio_isolation=ON\nVPN_KILL_SWITCH=on\nVPN_KILL_SWITCH=off\n");
        Assert.Equal("is given in line 1 already, with the same value", Assert.Single(conversion.Notes).Remark);
        Assert.Equal("is given in line 3 already, with another value", Assert.Single(conversion.Faults).Remark);
        Assert.Equal("on", conversion.Values[1].Value.ToLine());
    }

    [Fact]
    public void Old_and_new_name_with_different_values_are_a_fault()
        => Assert.Single(Convert("BOOT_VERIFICATION=off\nVERIFIED_BOOT_ENFORCE=enforce\n").Faults);

    [Theory]
    [InlineData("RADIO_ISOLATION")]
    [InlineData("=on")]
    [InlineData("[RADIO")]
    [InlineData("[RADIO] x=1")]
    [InlineData("RADIO_ISOLATION=")]
    [InlineData("RADIO_ISOLATION=maybe")]
    [InlineData("RADIO_IDLE_TIMEOUT_MIN=1000")]
    [InlineData("RADIO_IDLE_TIMEOUT_MIN=5m")]
    [InlineData("DURESS.enabled=perhaps")]
    public void Line_that_cannot_be_converted_is_a_fault(string line) => Assert.Single(Convert(line).Faults);

    [Fact]
    public void Attack36_fire_in_a_file_is_a_fault()
        => Assert.Equal("GHOST.trigger", Assert.Single(Convert("GHOST.trigger=fire").Faults).Name);

    [Fact]
    public void Attack21_names_are_shown_without_what_would_reach_the_terminal()
        => Assert.Equal("X\\u{1B}[2J", Assert.Single(Convert("X\u001b[2J=1").Unknown).Name);

    [Fact]
    public void Attack40_value_of_a_confidential_key_is_not_repeated()
        => Assert.DoesNotContain("SECRET", string.Concat(Convert("DURESS.gesture=SECRET").Faults), StringComparison.Ordinal);

    [Fact]
    public void Attack20_file_that_is_too_long_or_no_text_is_one_fault()
    {
        Assert.Single(LegacyConverter.Convert(PolicySchema.BuiltIn, new byte[LegacyConverter.MaxFileBytes + 1]).Faults);
        Assert.Single(LegacyConverter.Convert(PolicySchema.BuiltIn, [0xff, 0xfe]).Faults);
        Assert.Single(LegacyConverter.Convert(PolicySchema.BuiltIn, "A=\0"u8).Faults);
    }

    private static LegacyConversion Convert(string text) => LegacyConverter.Convert(PolicySchema.BuiltIn, Encoding.UTF8.GetBytes(text));
}
