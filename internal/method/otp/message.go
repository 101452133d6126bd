package otp

import (
	"time"

	"exeunt/internal/flow"
)

func label(id int, text string) flow.Message {
	return flow.Message{ID: id, Text: text, Type: flow.Info}
}

func failure(id int, text string) flow.Message {
	return flow.Message{ID: id, Text: text, Type: flow.Failure}
}

var (
	labelCode      = label(1010006, "Authentication code")
	labelUseTOTP   = label(1010009, "Use authenticator app")
	labelLookup    = label(1010007, "Backup recovery code")
	labelUseLookup = label(1010010, "Use backup recovery code")
	labelVerify    = label(1070006, "Verify code")
	labelUnlink    = label(1050004, "Remove the authenticator app")
	labelQR        = label(1050005, "QR code for the authenticator app")
	labelSecret    = label(1050017, "Secret of the authenticator app")

	labelReveal     = label(1050007, "Show the recovery codes")
	labelRegenerate = label(1050008, "Make new recovery codes")
	labelConfirm    = label(1050011, "I have kept these codes")
	labelDisable    = label(1050016, "Remove the recovery codes")
	labelCodes      = label(1050010, "Recovery codes. Each works once, without the app.")

	failedTOTP     = failure(4000008, "The code is not right, or was used already.")
	failedNoTOTP   = failure(4000011, "No authenticator app is set up.")
	failedLookup   = failure(4000016, "The recovery code is not right.")
	failedUsed     = failure(4000012, "This recovery code was used already.")
	failedNoLookup = failure(4000014, "No recovery codes are set up.")
)

func secretText(secret string) flow.Message {
	return flow.Message{ID: 1050006, Text: secret, Type: flow.Info, Context: map[string]any{"secret": secret}}
}

// codeList shows recovery codes; those that were used show when.
func codeList(codes []string, used map[string]time.Time) flow.Message {
	joined, each := "", make([]map[string]any, len(codes))
	for i, code := range codes {
		shown, m := code, map[string]any{"id": 1050009, "text": code, "type": "info", "context": map[string]any{"secret": code}}
		if at, ok := used[lookupHash(code)]; ok {
			shown = "used"
			m = map[string]any{"id": 1050014, "text": "used at " + at.Format(time.RFC3339), "type": "info",
				"context": map[string]any{"used_at": at, "used_at_unix": at.Unix()}}
		}
		if i > 0 {
			joined += ", "
		}
		joined, each[i] = joined+shown, m
	}
	return flow.Message{ID: 1050015, Text: joined, Type: flow.Info, Context: map[string]any{"secrets": each}}
}
