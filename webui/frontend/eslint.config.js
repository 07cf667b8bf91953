import { configs as lit } from "eslint-plugin-lit";
import tseslint from "typescript-eslint";

export default tseslint.config(
  { ignores: ["node_modules/", "public/", "src/generated/", "*.config.js", ".size-limit.js"] },
  ...tseslint.configs.strictTypeChecked,
  lit["flat/recommended"],
  {
    languageOptions: { parserOptions: { projectService: true } },
    rules: {
      // A number or a boolean in a template is what it looks like.
      "@typescript-eslint/restrict-template-expressions": [
        "error",
        { allowNumber: true, allowBoolean: true },
      ],
      "@typescript-eslint/consistent-type-imports": "error",
      "@typescript-eslint/switch-exhaustiveness-check": [
        "error",
        { considerDefaultExhaustiveForUnions: true },
      ],
      eqeqeq: ["error", "always", { null: "ignore" }],
      "no-console": "error",
      "lit/no-template-arrow": "off",
      // The content security policy refuses inline styles and scripts: find them here first.
      "lit/attribute-names": "error",
      "lit/no-template-map": "off",
      "no-restricted-syntax": [
        "error",
        {
          selector: "TemplateElement[value.raw=/\\sstyle=[\"']/]",
          message: "The content security policy refuses style attributes; use a class.",
        },
      ],
    },
  },
);
